"""A queue."""

import collections


class Queue:
    """First in, first out."""

    def __init__(self):
        self.items = collections.deque()

    def push(self, item):
        self.items.append(item)


# What main does.
def main():
    q = Queue()
    q.push(1)

    print(q.items)


if __name__ == "__main__":
    main()
