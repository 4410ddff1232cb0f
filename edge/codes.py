"""Error codes of the edge room: sources (SRC), bundles (BND), profiles (PRF) and running (RUN)."""

from rigsight.base.errors import define

BUNDLE_UNREADABLE = define(
    "BND-001",
    "The bundle cannot be read",
    "Check the path, or write the bundle again with 'rigsight export'.",
)
BUNDLE_SCHEMA = define(
    "BND-002",
    "bundle.yaml does not fit the schema",
    "Use the release that wrote the bundle, or export again.",
)
BUNDLE_ALTERED = define(
    "BND-003",
    "A file of the bundle was altered, is missing, or is not listed",
    "Copy the bundle again from where it was made; it must hold exactly the files of bundle.yaml.",
)
PROFILE_UNREADABLE = define(
    "PRF-001",
    "The profile cannot be read",
    "Correct the named key; 'profiles/' holds working examples.",
)
RECORDING_UNREADABLE = define(
    "REC-001",
    "The recording's description cannot be read",
    "Record again; the file was made by another tool or release.",
)
