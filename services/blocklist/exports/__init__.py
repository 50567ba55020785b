"""Documents for others, pure: values come in, a document goes out. No I/O, no clock; what cannot be said truly is refused."""
