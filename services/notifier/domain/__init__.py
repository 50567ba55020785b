"""The rules of effect, pure: values in, values out. No I/O, no clock, no randomness."""
