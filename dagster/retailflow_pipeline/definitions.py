"""What Dagster loads."""

from retailflow_pipeline.graph import definitions
from retailflow_pipeline.settings import Settings

defs = definitions(Settings.from_environment())
