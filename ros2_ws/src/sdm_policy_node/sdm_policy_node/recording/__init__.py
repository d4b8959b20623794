"""`recorder_node`: demonstrations become a dataset's episodes."""
