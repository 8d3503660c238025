"""A million members: the product lives the histories of a few, and the databases get copies."""
