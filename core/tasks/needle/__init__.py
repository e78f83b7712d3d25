"""The needle world: drawn scenes whose marks a small overview cannot show and a crop can.

values     what a scene and a question are; difficulties
splits     what is held out, by seed and by combination
scenes     a seed -> a scene and a question with one right answer
drawing    a scene -> its picture
expert     how somebody who knows the scene would look and answer
task       samples, tasks and curated records
"""
