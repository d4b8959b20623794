"""From depth, points or images to what a network sees."""
