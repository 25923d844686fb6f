"""The cases: what a team does with its data, at the sizes that the bounds speak of."""
