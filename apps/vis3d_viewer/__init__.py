"""The browser explorer."""
