def draw(data, out):
    return []
