"""Sentences made up from everyday words: as many as are wanted, the same at every run, and in no training text."""

import random
from collections.abc import Iterator

WHO = "my brother|the old farmer|our teacher|a young doctor|the captain|her sister|the woman next door|a tired driver"
WHO += "|the baker|his uncle"
DID = "found|carried|opened|painted|forgot|sold|repaired|watched|cleaned|borrowed|lost|counted|remembered|washed"
THING = (
    "the garden gate|a wooden box|the kitchen window|an old bicycle|three letters|the red umbrella|a heavy bag|the broken chair"
)
THING += (
    "|seven apples|a small boat|the silver watch|two black horses|the front door|a loaf of bread|the long ladder|a green coat"
)
PLACE = "near the river|behind the school|in the market|on the hill|at the station|by the sea|under the bridge|in the village"
PLACE += "|beside the road|in front of the church|at the end of the street|in the forest"
TIME = (
    "early in the morning|last summer|before the storm|on Monday evening|after dinner|for the first time|when the rain stopped"
)
TIME += "|late at night|during the winter|an hour later|at the end of the year"
END = "and nobody knew why|and everyone was happy|but it was too late|so we all went home|and the children laughed"
END += "|because the weather was cold|but nothing happened|and then the lights went out|so he began again"
SHAPES = ("{time}, {who} {did} {thing} {place}.", "{who} {did} {thing} {time}, {end}.", "{who} {did} {thing} {place}, {end}.")


def endless(seed: int = 0) -> Iterator[str]:
    """Sentences, none twice."""
    rng, made = random.Random(seed), set[str]()
    lists = {"who": WHO, "did": DID, "thing": THING, "place": PLACE, "time": TIME, "end": END}
    while True:
        picked = {name: rng.choice(options.split("|")) for name, options in lists.items()}
        sentence = rng.choice(SHAPES).format(**picked)
        if (sentence := sentence[0].upper() + sentence[1:]) not in made:
            made.add(sentence)
            yield sentence


def sentences(words: int, seed: int = 0) -> list[str]:
    """As many of them as have that many words in all."""
    made, found = list[str](), 0
    for sentence in endless(seed):
        if found >= words:
            break
        made.append(sentence)
        found += len(sentence.split())
    return made
