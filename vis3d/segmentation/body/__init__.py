"""The body, and what it lies on, wears or is: tables, foam, clothes, phantoms."""
