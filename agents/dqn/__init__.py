"""Deep Q-learning and its family.  Mnih et al. 2015; Hessel et al. 2018."""
