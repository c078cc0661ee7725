"""Pause marks and SSML."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.errors import TextError
from qwen_tts.reading.marks import LONGEST, SAY_AS, Boundary, Said, parse
from qwen_tts.reading.segments import Pause


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("plain", [Said("plain")]),
        ("a[pause:400ms]b [pause: 1.2s ]", [Said("a"), Pause(0.4), Said("b "), Pause(1.2)]),
        ('a<break time="400ms"/>b', [Said("a"), Pause(0.4), Said("b")]),
        ("<break/>x<break strength='x-strong'></break>", [Pause(0.4), Said("x"), Pause(1.2)]),
        ('<break strength="none" time="2s"/>x', [Pause(2.0), Said("x")]),
        ('<sub alias="World Wide Web">WWW</sub>!', [Said("World Wide Web", "alias"), Said("!")]),
        ('<say-as interpret-as="digits">40</say-as>', [Said("40", "digits")]),
        (
            "<p>a<s>b</s></p>",
            [
                Boundary(b) if b in ("paragraph", "sentence") else Said(b)
                for b in ("paragraph", "a", "sentence", "b", "sentence", "paragraph")
            ],
        ),
        ("a < b, <b>c</b> <3 </html> <pre> <spam>", [Said("a < b, <b>c</b> <3 </html> <pre> <spam>")]),
        ("AT&amp;T", [Said("AT&amp;T")]),
        ("AT&amp;T &#65;&#x42;<break/>", [Said("AT&T AB"), Pause(0.4)]),
        ("[pauses] [1]", [Said("[pauses] [1]")]),
        ("<speak>a\n\n b &lt; &apos;</speak>", [Said("a b < '")]),
        (
            '<?xml version="1.0"?>\n<speak version="1.1" xml:lang="en">a<!-- x <b> -->b</speak>\n',
            [Said("a"), Said("b"), Said(" ")],
        ),
    ],
)
def test_events(text, events):
    assert [e for e in parse(text) if e != Said(" ")] == [e for e in events if e != Said(" ")]


@pytest.mark.parametrize("how", SAY_AS)
def test_ways_to_say(how):
    assert parse(f'<say-as interpret-as="{how}">x</say-as>') == [Said("x", how)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\nb [pause:fast]", r"line 2, column 3: a pause cannot be 'fast'.*400ms"),
        ("[pause:400]", "a pause cannot be '400'"),
        ("[pause:61s]", "at most 60s"),
        ("[pause:99999999999999999999s]", "cannot be"),
        ("[pause:1s", "not closed"),
        ("<break time='-1s'/>", "cannot be '-1s'"),
        ("<break strength='huge'/>", "strength cannot be 'huge'.*x-strong"),
        ("<break>", "is empty"),
        ("<break size='1'/>", "has no attribute 'size'"),
        ("<break time=1s/>", "attributes are written"),
        ("<break time='1s' time='2s'/>", "twice"),
        ("<sub>WWW</sub>", 'needs alias="..."'),
        ("<sub alias='a'>x<break/></sub>", "<sub> holds text only"),
        ("<say-as interpret-as='song'>x</say-as>", "interpret-as cannot be 'song'.*telephone"),
        ("<p>a", "<p> is not closed"),
        ("a</p>", "closes nothing: nothing is open"),
        ("<p><s>a</p></s>", "</s> is expected"),
        ("<p><p>a</p></p>", "cannot stand within"),
        ("a <speak>b</speak>", None),
        ("<speak>a</speak>b", "nothing may follow"),
        ("<speak>a <b>b</b></speak>", "'<b>b</b>.*not one of the elements"),
        ("<speak>a &nbsp; b</speak>", "entity &nbsp; is not one of XML"),
        ("<speak>&#0;</speak>", "is no character"),
        ("<speak><speak>a</speak></speak>", "stands once"),
        ("<break time='1s'", "not a whole tag"),
        ("<p>" + "<p>" * 3, "cannot stand within"),
    ],
)
def test_malformed(text, words):
    if words is None:
        assert parse(text)
        return
    with pytest.raises(TextError, match=words) as error:
        parse(text)
    assert "Legal are" in str(error.value)


LAUGHS = '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]><speak>&lol2;</speak>'


@pytest.mark.parametrize(
    "text", [LAUGHS, f'<?xml version="1.0"?>{LAUGHS}', '<!DOCTYPE x SYSTEM "file:///etc/passwd"><speak>&x;</speak>']
)
def test_entities_are_never_expanded(text):
    try:
        said = "".join(event.text for event in parse(text) if isinstance(event, Said))
    except TextError:
        return
    assert len(said) <= len(text) and "root:" not in said


@pytest.mark.parametrize(
    "text",
    [
        "<p>" * 60_000,
        "<speak>" + "<p><s>" * 50_000,
        "<" * 200_000,
        "&amp;" * 200_000 + "<break/>",
        "[pause:1s]" * 50_000,
        "[pause:" * 50_000,
        "<break " + " " * 200_000,
        "<s>" * 60_000 + "</s>" * 60_000,
        "</p>" * 60_000,
        "<!--" * 50_000,
        "<speak>" + "<!--" * 50_000,
        "<speak>" * 50_000,
        "<break/>" * 50_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile(text):
    started = time.process_time()
    with contextlib.suppress(TextError):
        parse(text)
    assert time.process_time() - started < 6


@settings(deadline=None, max_examples=500)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<s>",
                "</s>",
                "<break/>",
                "<break ",
                "<sub alias='x'>",
                "</sub>",
                "a",
                " ",
                "&amp;",
                "&#55;",
                "&x;",
                "<speak>",
                "</speak>",
                "[pause:1s]",
                "[pause:",
                "<",
                ">",
                "'",
                "\n",
            ]
        ),
        max_size=12,
    ).map("".join)
)
def test_any_mixture_is_read_or_refused(text):
    try:
        events = parse(text)
    except TextError:
        return
    assert all(not isinstance(event, Pause) or 0 <= event.seconds <= LONGEST for event in events)
