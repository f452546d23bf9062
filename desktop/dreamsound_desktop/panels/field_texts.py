"""Translatable labels of the recipe fields."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication

from dreamsound_desktop.actions.table import marked as _

#: The label in plain words; the form adds the field's own name.
LABELS: Final[dict[str, str]] = {
    "model": _("Fields", "Model"),
    "class": _("Fields", "Class"),
    "layer": _("Fields", "Layer"),
    "objective": _("Fields", "Objective"),
    "method": _("Fields", "Method"),
    "steps": _("Fields", "Steps"),
    "strength": _("Fields", "Dream strength"),
    "wet": _("Fields", "Wet"),
    "backtrack": _("Fields", "Repeat falling steps"),
    "seed": _("Fields", "Seed"),
    "flip": _("Fields", "Swap filter and carrier"),
    "mask": _("Fields", "Filter type"),
    "threshold_db": _("Fields", "Threshold"),
    "knee_db": _("Fields", "Knee"),
    "threshold_ref": _("Fields", "Threshold relative to"),
    "invert_mask": _("Fields", "Invert filter"),
    "fft_size": _("Fields", "FFT size"),
    "hop_samples": _("Fields", "Hop"),
    "depth_db": _("Fields", "Depth"),
    "gain_grid": _("Fields", "Filter resolution"),
    "rate_db": _("Fields", "Step size"),
    "pull": _("Fields", "Pull to 0 dB"),
    "bed": _("Fields", "Bed"),
    "bed_level_db": _("Fields", "Bed level"),
    "bed_file": _("Fields", "Bed file"),
    "listens": _("Fields", "Listenings per step"),
    "listen_level_db": _("Fields", "Level variation"),
    "listen_speed": _("Fields", "Speed variation"),
    "listen_tilt": _("Fields", "Tilt variation"),
    "listen_noise_db": _("Fields", "Loudest noise"),
    "listen_windows": _("Fields", "Window variation"),
    "listen_eq_db": _("Fields", "Colour variation"),
    "natural": _("Fields", "Naturalness"),
    "target": _("Fields", "Target sound"),
    "target_b": _("Fields", "Second target"),
    "morph": _("Fields", "Morph"),
    "strength_ref": _("Fields", "Strength relative to"),
    "normalise": _("Fields", "Normalise"),
    "follow_envelope": _("Fields", "Follow envelope"),
    "restore_level": _("Fields", "Restore level"),
    "band_low_hz": _("Fields", "Band from"),
    "band_high_hz": _("Fields", "Band to"),
    "fade_in_s": _("Fields", "Fade in"),
    "fade_out_s": _("Fields", "Fade out"),
    "channels": _("Fields", "Channels"),
    "air": _("Fields", "Air above model range"),
    "strength_over_steps": _("Fields", "Strength over steps"),
    "strength_over_time": _("Fields", "Strength over time"),
    "threshold_over_steps": _("Fields", "Threshold over steps"),
    "threshold_over_time": _("Fields", "Threshold over time"),
    "start": _("Fields", "Start from"),
    "octaves": _("Fields", "Pitch octaves"),
    "masking": _("Fields", "Masking"),
    "pull_to_source": _("Fields", "Pull to source"),
    "smooth_time": _("Fields", "Smooth in time"),
    "smooth_frequency": _("Fields", "Smooth in frequency"),
    "damp_above": _("Fields", "Damp highs"),
    "damp_above_hz": _("Fields", "Damp above"),
    "stop_score": _("Fields", "Stop at score"),
    "stop_plateau": _("Fields", "Stop on plateau"),
    "at": _("Fields", "Class read at"),
    "jitter": _("Fields", "Jitter"),
    "patch_hop": _("Fields", "Patch hop"),
    "combine": _("Fields", "Combine"),
    "mask_from": _("Fields", "Mask from"),
    "carrier": _("Fields", "Carrier"),
    "block_patches": _("Fields", "Block"),
    "precision": _("Fields", "Precision"),
}


def label_of(name: str) -> str:
    """Return the label of a field in the user's language."""
    return QCoreApplication.translate("Fields", LABELS.get(name, name))


def tip_of(tip: str) -> str:
    """Return the engine's description of a field in the user's language."""
    return QCoreApplication.translate("Fields", tip)
