"""What a run says of itself: numbers, curves, pictures."""
