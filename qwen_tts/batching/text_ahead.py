"""Text that is still coming, taken in a thread of its own: a text that keeps its row waiting keeps nobody else's."""

import threading
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from ..open_prompt import OpenPrompt
from ..prompt import Prompt
from .caught import Caught

AHEAD = 32  # ids that are taken before they are needed


class TextAhead:
    """What of an `OpenPrompt` is there already."""

    def __init__(self, prompt: OpenPrompt, wake: Callable[[], None]) -> None:
        """`wake` is called whenever something has come."""
        self._prompt, self._wake = prompt, wake
        self._begun: Prompt | None = None
        self._ids: deque[tuple[Tensor | None, int]] = deque()
        self._room, self._stopped = threading.Semaphore(AHEAD), False
        self._caught = Caught()
        threading.Thread(target=self._take, name="qwen_tts text", daemon=True).start()

    @property
    def begun(self) -> Prompt | None:
        """The prompt up to the first frame; None while it waits for text.

        Raises:
            What the text raised.
        """
        if self._begun is None and self._caught.error is not None:
            raise self._caught.error
        return self._begun

    def more(self) -> tuple[Tensor | None, int] | None:
        """What `OpenPrompt.more` gave next, and how many tokens the text then had; None if that did not come yet.

        Raises:
            What the text raised, after all that came before it.
        """
        if self._ids:
            self._room.release()
            return self._ids.popleft()
        if self._caught.error is not None:
            raise self._caught.error
        return None

    @property
    def there(self) -> bool:
        """Whether `more` has something to give or to raise."""
        return bool(self._ids) or self._caught.error is not None

    def stop(self) -> None:
        """No more is needed. The thread ends as soon as its text gives it something."""
        self._stopped = True
        self._room.release()

    def _take(self) -> None:
        with self._caught, torch.inference_mode():
            self._begun = self._prompt.begin()
            self._wake()
            while not self._stopped:
                following = self._prompt.more()
                self._room.acquire()
                self._ids.append((following, self._prompt.text_tokens))
                self._wake()
                if following is None:
                    return
        self._wake()
