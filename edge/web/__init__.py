"""A small web server on the standard library: pages, live state, pictures and actions."""
