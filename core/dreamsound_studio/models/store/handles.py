"""Handles: the addresses of models on TF Hub and Kaggle. No TensorFlow here.

tensorflow-hub takes any URL of a SavedModel; kagglehub takes
``OWNER/MODEL/FRAMEWORK/VARIATION[/VERSION]``, which is also the path of the model's page on Kaggle.
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

TF_HUB_HOST = "tfhub.dev"
KAGGLE_HOSTS = ("www.kaggle.com", "kaggle.com")
#: Query fields that select a format or note a redirect; the model is the same without them.
FORMAT_FIELDS = ("tf-hub-format", "tfhub-redirect")
#: Kaggle's frameworks whose models are SavedModels, as kagglehub and older URLs spell them.
SAVED_MODEL_FRAMEWORKS = {
    "tensorflow2": ("tensorFlow2", "TensorFlow2"),
    "tensorflow1": ("tensorFlow1", "TensorFlow1"),
}
#: Other frameworks, which tell a kagglehub handle from a relative path.
OTHER_FRAMEWORKS = ("tflite", "tfjs", "keras", "pytorch", "jax", "flax", "onnx", "transformers")

_NAME = r"[A-Za-z0-9][\w.-]*"
_KAGGLE = re.compile(
    rf"(?P<owner>{_NAME})/(?P<model>{_NAME})/(?:frameworks/)?(?P<framework>{_NAME})/"
    rf"(?:variations/)?(?P<variation>{_NAME})(?:/(?:versions/)?(?P<version>\d+))?"
)


@dataclass(frozen=True)
class KaggleModel:
    """The parts of a kagglehub handle.

    Attributes
    ----------
    owner, model, framework, variation : str
        As kagglehub names them.
    version : int or None
        None stands for the latest.
    """

    owner: str
    model: str
    framework: str
    variation: str
    version: int | None

    @property
    def is_saved_model(self) -> bool:
        """Return whether its framework stores SavedModels."""
        return self.framework.lower() in SAVED_MODEL_FRAMEWORKS

    @property
    def spellings(self) -> tuple[str, ...]:
        """Return the spellings of its framework, the usual one first."""
        usual = SAVED_MODEL_FRAMEWORKS.get(self.framework.lower(), ())
        return tuple(dict.fromkeys([*usual, self.framework]))

    @property
    def key(self) -> tuple[str, ...]:
        """Return what identifies the model, without its version."""
        return tuple(
            part.lower() for part in (self.owner, self.model, self.framework, self.variation)
        )


@dataclass(frozen=True)
class Handle:
    """A model's address.

    Attributes
    ----------
    url : str
        Its URL, without a query that selects a format.
    kaggle : KaggleModel or None
        Its parts, if it is on Kaggle.
    """

    url: str
    kaggle: KaggleModel | None = None

    @property
    def spellings(self) -> tuple[str, ...]:
        """Return the URLs under which tensorflow-hub may have cached the model."""
        if self.kaggle is None:
            return (self.url,)
        root = f"https://{KAGGLE_HOSTS[0]}/models/{self.kaggle.owner}/{self.kaggle.model}"
        variation, version = self.kaggle.variation, self.kaggle.version
        urls = [self.url]
        for name in self.kaggle.spellings:
            short, long = "", ""
            if version is not None:
                short, long = f"/{version}", f"/versions/{version}"
            urls.append(f"{root}/{name}/{variation}{short}")
            urls.append(f"{root}/frameworks/{name}/variations/{variation}{long}")
        return tuple(dict.fromkeys(urls))

    @property
    def download_urls(self) -> tuple[str, ...]:
        """Return the URLs that serve the model, in the order to try them."""
        if self.kaggle is None or self.kaggle.version is None:
            return (self.url,)
        path = self.url.removeprefix(f"https://{KAGGLE_HOSTS[0]}/models/")
        return (self.url, f"https://{KAGGLE_HOSTS[0]}/api/v1/models/{path}/download")

    @property
    def folder_name(self) -> str:
        """Return the name of its folder in the user's data folder."""
        path = urllib.parse.urlsplit(self.url).path.removeprefix("/models/")
        path = re.sub(r"\.(tar\.gz|tgz)$", "", path)
        plain = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")[:80] or "model"
        return f"{plain}-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"

    def names(self, published: Handle) -> bool:
        """Return whether this is the handle `published`, or the same without its version."""
        if self.kaggle is not None and published.kaggle is not None:
            versions = (None, published.kaggle.version)
            return self.kaggle.key == published.kaggle.key and self.kaggle.version in versions
        return self.url in (published.url, re.sub(r"/\d+$", "", published.url))


def parse_handle(text: str) -> Handle | None:
    """Return the handle that a text is, or None.

    Parameters
    ----------
    text : str
        A URL, or a kagglehub handle. A path that exists is not a kagglehub handle.
    """
    if text.lower().startswith(("http://", "https://")):
        return _of_url(text)
    match = _KAGGLE.fullmatch(text)
    if match is None or "/frameworks/" in text:
        return None
    if match["framework"].lower() not in (*SAVED_MODEL_FRAMEWORKS, *OTHER_FRAMEWORKS):
        return None
    return None if Path(text).exists() else _of_kaggle(match)


def _of_url(text: str) -> Handle:
    parts = urllib.parse.urlsplit(text)
    fields = [
        (name, value)
        for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        if name not in FORMAT_FIELDS
    ]
    scheme, host, path = parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/")
    if host in KAGGLE_HOSTS and path.startswith("/models/"):
        match = _KAGGLE.fullmatch(path.removeprefix("/models/"))
        if match is not None:
            return _of_kaggle(match)
    if host == TF_HUB_HOST:
        scheme = "https"
    return Handle(urllib.parse.urlunsplit((scheme, host, path, urllib.parse.urlencode(fields), "")))


def _of_kaggle(match: re.Match[str]) -> Handle:
    spelled = SAVED_MODEL_FRAMEWORKS.get(match["framework"].lower(), (match["framework"],))[0]
    version = None if match["version"] is None else int(match["version"])
    model = KaggleModel(match["owner"], match["model"], spelled, match["variation"], version)
    end = "" if version is None else f"/{version}"
    path = f"{model.owner}/{model.model}/{model.framework}/{model.variation}{end}"
    return Handle(f"https://{KAGGLE_HOSTS[0]}/models/{path}", model)
