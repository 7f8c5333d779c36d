"""What a person does with a mask: select, paint, cut, join, split, smooth and undo."""
