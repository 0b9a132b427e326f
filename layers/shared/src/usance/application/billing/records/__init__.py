"""What a bill was made of: recorded as it is calculated, explained line by line, calculated again from it alone."""
