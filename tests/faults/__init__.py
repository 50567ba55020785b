"""The product under faults: recorded histories, and a checker over them."""
