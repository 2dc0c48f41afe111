"""What runs in a process of its own: nothing here but what such a process may import."""
