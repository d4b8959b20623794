"""Why episodes fail: which tasks fall short, what happens in their failed episodes, and whose failures they are."""
