"""What every structure is found with: grids, morphology, walls around a place, noise."""
