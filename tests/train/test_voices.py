"""Voices that the recipe learns from: no two alike, and told apart by what is heard of them."""

from pathlib import Path

import numpy as np
import pytest
from audible import heard, spectra
from brightness import brightness, fitted
from codes import TIMBRES, directions
from harmonics import HARMONICS, NODES
from kokoro import TIMBRE, Styles
from score import Score
from voices import APART, PRESETS, anybody, everybody, of_one_melody, preset, somebody, woman

NAMES = ("af_heart", "af_nova", "af_river", "bf_emma", "am_michael", "am_puck", "zf_xiaoxiao", "zm_yunjian")


@pytest.fixture
def styles(tmp_path: Path) -> Styles:
    folder = tmp_path / "kokoro-voices"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        np.random.default_rng(number).normal(size=(9, 256)).astype("<f4").tofile(folder / f"{name}.bin")
    return Styles(tmp_path)


def test_a_linear_ear_is_found() -> None:
    rng = np.random.default_rng(0)
    ear = rng.normal(size=(TIMBRE, 300)) * (np.arange(TIMBRE) < 90)[:, None]
    voices = rng.normal(size=(400, TIMBRE))
    metric, explained = heard(voices, voices @ ear + 5, test=100)
    assert explained > 0.99
    true = ear @ ear.T / 300
    assert np.abs(metric - true).max() < 0.02 * np.abs(true).max()


def test_noise_is_not_explained() -> None:
    rng = np.random.default_rng(0)
    assert heard(rng.normal(size=(400, TIMBRE)), rng.normal(size=(400, 50)), test=100)[1] < 0.05


def test_voices_are_as_far_apart_as_they_are_heard() -> None:
    rng = np.random.default_rng(1)
    ear = rng.normal(size=(TIMBRE, 20))  # hears no more than 20 directions
    voices = rng.normal(size=(3000, TIMBRE))
    mean, basis = directions(voices, ear @ ear.T)
    assert basis.shape == (TIMBRE, TIMBRES)
    one, other = (voices[:50] - mean) @ basis, (voices[50:100] - mean) @ basis
    distance = np.linalg.norm((voices[:50] - voices[50:100]) @ ear, axis=1)
    assert np.allclose(np.linalg.norm(one - other, axis=1), distance, rtol=1e-3)


def test_a_tenth_of_the_amplitude_above_is_twenty_decibels_less() -> None:
    nothing, pitch = np.zeros(0, np.float32), np.full(128, 120.0, np.float32)
    made = Score("", "", "English", nothing, np.array([64.0]), pitch, nothing, nothing, nothing)
    harmonics = np.zeros((made.frames * NODES, HARMONICS), np.float16)
    assert np.isnan(brightness(made, harmonics))
    harmonics[:, 11], harmonics[:, 12] = 1, 0.1  # 1440 and 1560 Hz
    assert brightness(made, harmonics) == pytest.approx(-20, abs=0.01)


def test_how_bright_voices_are_is_found_beside_what_else_makes_them_bright() -> None:
    rng = np.random.default_rng(3)
    ear = rng.normal(size=(TIMBRE, 12))  # hears no more than 12 directions
    voices, others = rng.normal(size=(90, TIMBRE)), rng.normal(size=(90, 2))
    true = ear @ rng.normal(size=12)
    others[:, 0] += voices @ true / np.linalg.norm(true)  # brighter voices are higher here
    found = fitted(voices, others, voices @ true + others @ (30.0, -20.0) + 5, ear @ ear.T)
    assert found.shape == (TIMBRE,) and found.dtype == np.float32
    new = rng.normal(size=(200, TIMBRE))  # fewer voices than numbers, yet new ones are told
    assert np.corrcoef(new @ found, new @ true)[0, 1] > 0.95


def test_a_louder_sound_has_more_power_in_every_band() -> None:
    wave = np.random.default_rng(0).normal(size=4800)
    assert np.allclose(spectra(10 * wave) - spectra(wave), np.log(100), atol=0.01)


def test_nobody_sounds_like_another(styles: Styles) -> None:
    languages = ("English", "Chinese")
    found = [somebody(styles, languages[n % 2], np.random.default_rng(n)) for n in range(40)]
    sounds = np.stack([who.style(styles, 3)[:TIMBRE] for who, _ in found])
    apart = np.linalg.norm(sounds[:, None] - sounds, axis=-1) + 9 * np.eye(len(sounds))
    assert apart.min() > 0.01 and np.isfinite(sounds).all()
    assert all(woman(name) == sex for who, sex in found for name in (*(name for name, _ in who.sounds), who.melody))


def test_anybody_differs_from_the_mean_of_its_sex_in_all_ways_in_which_voices_do(styles: Styles) -> None:
    names = everybody(styles)
    women = np.array([woman(name) for name in names])
    teacher = np.stack([styles.get(name, 3)[:TIMBRE] for name in names]).astype(float)
    means = {sex: teacher[women == sex].mean(0) for sex in (True, False)}
    apart = teacher - np.where(women[:, None], means[True], means[False])
    ways = np.linalg.svd(apart)[2][: len(names) - 2]  # two means are taken out
    drawn = []
    for n in range(1500):
        who, sex = anybody(styles, ("English", "Chinese")[n % 2], np.random.default_rng(n))
        assert woman(who.melody) == sex and who.melody in names
        drawn.append(who.style(styles, 3)[:TIMBRE] - means[sex])
    found, size = np.stack(drawn), np.mean(np.square(np.linspace(*APART, 99)))
    assert np.abs(found.mean(0)).max() < 0.1  # 1 is how much each number of the teacher's differs
    assert np.allclose(found, found @ ways.T @ ways, atol=1e-4)  # and in no other
    ratio = (found @ ways.T).var(0) / (np.square(apart @ ways.T).mean(0) * size)
    assert ratio.min() > 0.8 and ratio.max() < 1.2


def test_a_preset_has_the_sound_of_its_teachers_and_the_melody_of_one(styles: Styles) -> None:
    sound, melody, _ = PRESETS["Serena"]
    one, other = (preset("Serena", "English").style(styles, 3) for _ in range(2))
    assert np.array_equal(one, other)
    mean = np.mean([styles.get(name, 3)[:TIMBRE] for name in sound.split("+")], 0)
    assert np.allclose(one[:TIMBRE], mean, atol=1e-6)
    assert np.array_equal(one[TIMBRE:], styles.get(melody, 3)[TIMBRE:])


@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_presets_of_one_melody_are_of_one_sex_and_share_it_all(language: str) -> None:
    for name in PRESETS:
        alike = of_one_melody(name, language)
        assert name in alike and all(of_one_melody(other, language) == alike for other in alike)
        assert {woman(preset(other, language).sounds[0][0]) for other in alike} == {woman(preset(name, language).melody)}
