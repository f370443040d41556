"""A file in use: photos, code for an app, a page in the browser."""
