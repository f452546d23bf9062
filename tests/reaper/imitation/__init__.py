"""An imitation of REAPER that is as strict as REAPER is, and says what was not well.

::

    reaper = Reaper(tmp_path / "resource")
    project = reaper.open(Project(path="song.rpp", tracks=[Track("Voice", items=[item])]))
    host = PythonHost(reaper)
    host.run(SCRIPTS / "DreamSound_Dream selected items.py")
    host.run_until()            # until no script wants to be called again
    reaper.check()              # undo blocks balance, nothing was edited outside of one
    reaper.undo()               # the project is as it was, byte for byte: rpp.save(project)
"""
