"""The report's pictures, each as PNG and SVG."""
