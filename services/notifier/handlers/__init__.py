"""One event or command is one function, inside a transaction that the caller opened. Each returns, or notes, what it found."""
