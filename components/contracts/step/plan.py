"""What a cycle does after it has taken the labels in.

One number, since kfp.local finds only a task's single output in an `If`.
"""

NOTHING, TRAIN, ASK = 0, 1, 2
