"""How tall animals are at the shoulders, by the kinds that the network of ImageNet's classes names.

Middle of the ranges in the breed standards of the FCI and AKC, and for wild animals in Nowak, "Walker's Mammals of the
World", 6th edition; both sexes together. Good to about a sixth.
"""

from __future__ import annotations

from collections.abc import Mapping

SHOULDER_HEIGHT_CM = {"cat": 25.0, "dog": 45.0, "wild": 80.0}  # of the heads' means: those whose eyes are so far apart
SURE = 0.35  # share of one kind from which on its size is taken
LIMITS = (0.4, 2.0)  # of the mean's size: beyond, a small head is no smaller copy of a large one
HEAD_POWER = 0.75  # of the height with which heads grow: small breeds have large heads
KINDS: dict[str, float] = {
    "chihuahua": 19, "toy terrier": 23, "yorkshire terrier": 20, "maltese dog": 22, "pomeranian": 20, "papillon": 25,
    "japanese spaniel": 24, "pekinese": 20, "shih-tzu": 25, "toy poodle": 26, "affenpinscher": 26,
    "blenheim spaniel": 31,
    "brabancon griffon": 22, "miniature pinscher": 28, "silky terrier": 24, "australian terrier": 26, "pug": 29,
    "norfolk terrier": 25, "norwich terrier": 25, "cairn": 27, "scotch terrier": 26, "west highland white terrier": 27,
    "lhasa": 26, "dandie dinmont": 24, "sealyham terrier": 28, "border terrier": 33, "boston bull": 40,
    "french bulldog": 31, "miniature schnauzer": 33, "miniature poodle": 33, "schipperke": 29, "tibetan terrier": 38,
    "lakeland terrier": 36, "wire-haired fox terrier": 39, "beagle": 37, "basset": 36, "pembroke": 28, "cardigan": 29,
    "shetland sheepdog": 37, "basenji": 42, "cocker spaniel": 38, "sussex spaniel": 37, "whippet": 47,
    "staffordshire bullterrier": 38, "american staffordshire terrier": 46, "bedlington terrier": 40, "keeshond": 45,
    "kerry blue terrier": 47, "irish terrier": 46, "soft-coated wheaten terrier": 46, "brittany spaniel": 48,
    "english springer": 50, "welsh springer spaniel": 47, "border collie": 52, "collie": 58, "kelpie": 47,
    "appenzeller": 53, "entlebucher": 46, "standard schnauzer": 48, "samoyed": 54, "siberian husky": 56,
    "eskimo dog": 58,
    "malamute": 61, "chow": 50, "bull mastiff": 65, "boxer": 59, "labrador retriever": 57, "golden retriever": 56,
    "flat-coated retriever": 58, "curly-coated retriever": 64, "chesapeake bay retriever": 60, "dalmatian": 58,
    "german shepherd": 60, "malinois": 61, "groenendael": 61, "rottweiler": 63, "doberman": 68, "standard poodle": 55,
    "airedale": 58, "german short-haired pointer": 61, "vizsla": 59, "weimaraner": 64, "english setter": 63,
    "irish setter": 64, "gordon setter": 63, "rhodesian ridgeback": 65, "bloodhound": 65, "bluetick": 60, "redbone": 60,
    "black-and-tan coonhound": 63, "walker hound": 61, "english foxhound": 61, "afghan hound": 68, "saluki": 64,
    "italian greyhound": 35, "borzoi": 74, "ibizan hound": 65, "norwegian elkhound": 50, "otterhound": 66,
    "scottish deerhound": 74, "irish wolfhound": 80, "irish water spaniel": 55, "great dane": 76,
    "greater swiss mountain dog": 66, "bernese mountain dog": 64, "entlebucher sennenhund": 46, "great pyrenees": 72,
    "kuvasz": 71, "komondor": 70, "leonberg": 72, "newfoundland": 69, "saint bernard": 75, "tibetan mastiff": 66,
    "old english sheepdog": 58, "bouvier des flandres": 64, "briard": 62, "giant schnauzer": 65, "mexican hairless": 45,
    "timber wolf": 80, "white wolf": 80, "red wolf": 68, "coyote": 58, "dingo": 55, "dhole": 50,
    "african hunting dog": 70, "hyena": 80, "red fox": 38, "kit fox": 29, "arctic fox": 28, "grey fox": 36,
    "tabby": 25, "tiger cat": 25, "persian cat": 24, "siamese cat": 25, "egyptian cat": 25, "cougar": 70, "lynx": 60,
    "leopard": 65, "snow leopard": 58, "jaguar": 70, "lion": 110, "tiger": 95, "cheetah": 80, "brown bear": 110,
    "american black bear": 85, "ice bear": 135, "sloth bear": 75,
}  # fmt: skip


def usual_height(kinds: Mapping[str, float] | None) -> tuple[str, float] | None:
    """The kind that an animal surely is, and its height at the shoulders in centimetres; None where none is sure.

    Args:
        kinds: kind -> share, as the network names them ("Siberian husky", "tabby, tabby cat").

    Example:
        >>> usual_height({"red fox, Vulpes vulpes": 0.8, "kit fox": 0.1})
        ('red fox', 38)
    """
    if not kinds:
        return None
    best = max(kinds, key=kinds.__getitem__)
    name = best.split(",")[0].strip().replace("_", " ").lower()
    return (name, KINDS[name]) if kinds[best] >= SURE and name in KINDS else None


def relative_size(height_cm: float, species: str) -> float:
    """By how much a head is larger than the mean of its species, for an animal's usual height in centimetres."""
    size = (height_cm / SHOULDER_HEIGHT_CM[species]) ** HEAD_POWER
    return min(max(size, LIMITS[0]), LIMITS[1])
