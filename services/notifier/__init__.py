"""The notifier service owns effect: what is enforced where, which clock runs, and what exposure follows."""
