"""What the ratings say: figures with their n and interval, agreement, raters."""
