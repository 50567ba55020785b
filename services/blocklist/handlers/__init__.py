"""One command is one function is one transaction. A handler gets the open transaction in its `Unit` and never commits."""
