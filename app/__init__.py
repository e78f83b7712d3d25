"""The workbench: how Saccade starts, what it serves and what it shows. The only place that imports gradio, fastapi or plotly."""
