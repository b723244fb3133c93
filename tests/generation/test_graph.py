"""Paths along the neighbour graph, against brute force."""

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from scipy.spatial.distance import cdist

from zscope.errors import ParameterError
from zscope.generation.graph import decoded_distances, graph_path, neighbour_graph
from zscope.generation.paths import latent_length


def groups(seed=0, d=3):
    """Five far groups of 12 points."""
    rng = np.random.default_rng(seed)
    return (20 * rng.standard_normal((5, 1, d)) + rng.standard_normal((5, 12, d))).reshape(-1, d).astype(np.float32)


def test_the_shortest_path_is_that_of_a_dense_matrix():
    codes = np.random.default_rng(0).standard_normal((80, 7)).astype(np.float32)
    distances = cdist(codes, codes)
    rank = distances.argsort(axis=1).argsort(axis=1)
    linked = (rank <= 4) | (rank.T <= 4)
    wanted = shortest_path(np.where(linked, distances, 0), directed=False)
    graph = neighbour_graph(codes, 4)
    assert len(graph.bridges) == 0
    for end in (3, 40, 79):
        path = graph_path(graph, 0, end, 6)
        assert latent_length(path.curve) == pytest.approx(wanted[0, end], rel=1e-5)
        np.testing.assert_array_equal(path.frames[[0, -1]], codes[[0, end]])


@pytest.mark.parametrize("d", [3, 8])
def test_bridges_are_links_of_the_minimal_spanning_tree(d):
    codes = groups(d=d)
    graph = neighbour_graph(codes, 3)
    tree = minimum_spanning_tree(cdist(codes, codes)).toarray()
    part = np.arange(60) // 12
    between = {tuple(sorted(link)) for link in np.argwhere(tree).tolist() if part[link[0]] != part[link[1]]}
    assert len(graph.bridges) >= 4
    assert between <= {tuple(link) for link in graph.bridges.tolist()}
    assert all(tree[i, j] or tree[j, i] for i, j in graph.bridges.tolist())
    path = graph_path(graph, 0, 59, 5)
    assert "bridged" in path.notes[1]


def test_many_neighbours_link_everything():
    codes = groups()[:6]
    path = graph_path(neighbour_graph(codes, 100), 0, 5, 4)
    assert latent_length(path.curve) == pytest.approx(np.linalg.norm(codes[5] - codes[0].astype(float)), rel=1e-6)
    assert path.notes == ("The path passes 0 codes between its ends.",)


def test_links_may_cost_what_images_differ():
    # On a ring of codes one half looks alike, the other changes: the path goes round the side that looks alike.
    angle = np.arange(24) * 2 * np.pi / 24
    codes = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)

    def decode_all(z):
        upper = z[:, 1] > 0.01
        value = np.where(upper, 127 + 120 * np.cos(40 * z[:, 0]), 100).astype(np.uint8)
        return value.reshape(-1, 1, 1, 1)

    graph = neighbour_graph(codes, 2, decoded_distances(decode_all, codes))
    assert (graph_path(graph, 0, 12, 5).curve[1:-1, 1] < 0.01).all()
    values = decode_all(codes)[:, 0, 0, 0].astype(float) / 255
    assert graph.weights[3, 4] == pytest.approx(abs(values[3] - values[4]), rel=1e-6)


def test_equal_codes_are_linked():
    codes = np.concatenate([np.zeros((5, 4)), np.ones((5, 4))]).astype(np.float32)
    path = graph_path(neighbour_graph(codes, 2), 0, 9, 3)
    assert latent_length(path.curve) == pytest.approx(2.0)


def test_a_graph_needs_neighbours():
    with pytest.raises(ParameterError, match="k must be at least 1, got 0"):
        neighbour_graph(groups(), 0)
