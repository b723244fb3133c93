"""Studies: what the commands do, and the one object that report, explorer and ``--json`` show.

``train``, ``encode``, ``measure``, ``sample`` and ``study`` hold one command each; ``spec`` reads study files and
``load`` gathers what was made into the ``payload``. Nothing is imported here, so that whoever shows a payload does not
load the models.
"""
