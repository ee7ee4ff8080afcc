"""Row 8: photographs of people and animals who do not exist, with every label, by seed.

Imports run one way inside, too: types, solids, hanging -> anatomy -> hair -> skin -> clothing, accessories -> scenes ->
datasets; rendering knows the types only. Animals stand by themselves.
"""
