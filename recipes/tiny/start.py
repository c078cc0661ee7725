"""The built-in model's weights as trainings go on from them (--start WORK/controls.pt, --start WORK/talker.pt), and its codes.

What is not trained again is there as well: WORK/encoder.pt for make_codec.py, WORK/speaker.safetensors for export.py.

python start.py WORK
"""

import argparse
import shutil
from pathlib import Path

from kept import save_talker, save_trainer, weights
from make_codec import sharpen
from safetensors.torch import save_file
from train_controls import learned

from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig
from qwen_tts.resolve import TINY

BOOKS = Path(__file__).parent / "books"  # what the codes of the built-in model stand for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()

    (args.work / "controls").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(BOOKS / "codebooks.npz", args.work / "codebooks.npz")
    shutil.copyfile(BOOKS / "strongest.npy", args.work / "controls" / "strongest.npy")
    codec = TINY / "speech_tokenizer"
    decoder = Decoder(CodecConfig.from_file(codec / "config.json").decoder_config)
    decoder.load_state_dict(weights(codec / "model.safetensors", "decoder."))
    sharpen(decoder, undo=True)
    average = {name: parameter.detach() for name, parameter in learned(decoder).named_parameters()}
    save_trainer({"decoder": decoder.state_dict(), "average": average}, args.work / "controls.pt")
    save_trainer({"encoder": weights(codec / "model.safetensors", "encoder."), "average": {}}, args.work / "encoder.pt")
    save_file(weights(TINY / "model.safetensors", "speaker_encoder."), args.work / "speaker.safetensors")
    save_talker(weights(TINY / "model.safetensors", "talker."), args.work / "talker.pt")


if __name__ == "__main__":
    main()
