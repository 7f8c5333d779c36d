"""One benchmark a stage, beside other tools that do the same work."""
