"""Projects for tests: made here, and the real ones where they are."""

from pathlib import Path

from dreamsound_studio.models.store.local import search_folders

ITEM = """    <ITEM
      POSITION 1
      LENGTH 0.8
      LOOP 1
      FADEIN 1 0.25 0 1 0 0
      FADEOUT 1 0 0 1 0 0
      SEL 1
      IGUID {DA7D7B26-17F0-A96F-0C97-2A24EC782C69}
      NAME whistle.wav
      VOLPAN 1 0 0.5 -1
      SOFFS 0.30001
      PLAYRATE 1.5 1 0 -1 0 0.0025
      CHANMODE 0
      GUID {8B5F0AEE-5568-3B7A-4152-D8A71854F678}
      <SOURCE WAVE
        FILE "whistle.wav"
      >
      SM 0 0.1 + 0.5 0.7 -0.25
      <VOLENV
        ACT 1
      >
      <TAKEFX
        <VST "x"
        >
      >
    >
"""

SECTION = """    <ITEM
      POSITION 4
      LENGTH 1
      LOOP 0
      SEL 0
      IGUID {DA7D7B26-17F0-A96F-0C97-2A24EC782C70}
      NAME "rev drums"
      VOLPAN 1 0.25 1 -1
      SOFFS 0.1
      PLAYRATE 1 1 0 -1 0 0.0025
      CHANMODE 3
      GUID {8B5F0AEE-5568-3B7A-4152-D8A71854F679}
      <SOURCE SECTION
        LENGTH 1.5
        STARTPOS 0.25
        OVERLAP 0.01
        MODE 2
        <SOURCE WAVE
          FILE "drums.wav"
        >
      >
    >
"""


def project_text(*items: str, head: str = "", version: str = "7.08/linux-x86_64") -> str:
    """A project of one track."""
    return (
        f'<REAPER_PROJECT 0.1 "{version}" 1607223064\n  RIPPLE 0\n  RECORD_PATH "Audio" ""\n'
        f"  SAMPLERATE 48000 0 0\n{head}"
        '  <TRACK {FFEB7414-4196-76D8-EF42-5D20F2BD150E}\n    NAME "Voice\'s one"\n'
        "    TRACKID {FFEB7414-4196-76D8-EF42-5D20F2BD150E}\n"
        f"{''.join(items)}  >\n>\n"
    )


def real_projects() -> list[Path]:
    """The projects in ``reaper/projects`` beside a folder of models; none where there are none."""
    for folder in search_folders():
        found = sorted((folder.parent / "reaper/projects").glob("*.RPP"))
        if found:
            return found
    return []
