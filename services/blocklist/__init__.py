"""The blocklist service owns intent: which directives there are, what was decided, and what must be withheld where."""
