"""Rows to values and back. Every function works inside the caller's transaction, and can neither begin nor commit one."""
