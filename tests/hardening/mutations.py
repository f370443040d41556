"""Files as broken disks, broken programs and strangers leave them."""

import random


def mutated(content: bytes, draw: random.Random) -> bytes:
    """One to three changes: bits flipped, cut off, cut out, repeated, blanked or set to odd numbers."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        # Headers, where a change does most, as often as all the rest.
        reach = min(len(changed), 200) if draw.random() < 0.5 else len(changed)
        place = draw.randrange(reach) if reach else 0
        length = draw.choice([1, 2, 4, 4, 8, 64, 1000])
        piece = changed[place : place + length]
        change = draw.choice(["flip", "cut off", "cut out", "repeat", "blank", "odd", "odd"])
        if change == "flip" and piece:
            changed[place] ^= 1 << draw.randrange(8)
        elif change == "cut off":
            del changed[place:]
        elif change == "cut out":
            del changed[place : place + length]
        elif change == "repeat":
            changed[place:place] = piece
        elif change == "blank":
            changed[place : place + length] = bytes(len(piece))
        elif change == "odd":
            odd = draw.choice(
                [b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f"]
            )
            changed[place : place + 4] = odd[: len(changed[place : place + 4])]
    return bytes(changed)
