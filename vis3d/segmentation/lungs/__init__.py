"""The lungs, their sides and nodules, the trachea and the airways below it."""
