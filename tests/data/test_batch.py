import torch

from hf_distill.data.batch import Batch, weighted_mean


def test_weights_of_a_set_give_its_weighted_mean():
    losses, w = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([2.0, 0.5, 0.5])  # they average 1
    assert weighted_mean(losses, w) == (2 * 1 + 0.5 * 2 + 0.5 * 6) / 3
    # several networks at once: one mean each
    assert torch.equal(weighted_mean(torch.stack((losses, 2 * losses)), w), torch.tensor([2.0, 4.0]))
    assert weighted_mean(losses, torch.ones(3)) == losses.mean()


def test_the_class_of_a_label_is_its_likeliest():
    batch = Batch.of(torch.zeros(2, 3), torch.tensor([[0.1, 0.9], [0.6, 0.4]]))
    assert batch.hard.tolist() == [1, 0] and batch.w.tolist() == [1, 1]
    assert Batch.of(torch.zeros(2, 3), torch.tensor([0, 1])).hard.tolist() == [0, 1]


def test_some_samples_keep_labels_and_weights():
    batch = Batch(torch.arange(3.0), torch.arange(3), torch.tensor([0.5, 1.0, 1.5])).take(torch.tensor([2, 0]))
    assert (batch.x.tolist(), batch.y.tolist(), batch.w.tolist()) == ([2, 0], [2, 0], [1.5, 0.5])
