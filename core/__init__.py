"""What a grounded trace is and how one is made: no interface, no database, no trainer.

Nothing in this package does network or database work, and nothing here imports gradio, sqlalchemy, torch or transformers.
"""
