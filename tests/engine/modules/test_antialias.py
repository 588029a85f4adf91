import torch

from engine.modules.antialias import CleanSnake, Snake


def test_a_snake_waves_by_its_learnt_speed_and_height():
    snake = Snake(2)
    snake.alpha.data = torch.tensor([0.0, 1.0])
    snake.beta.data = torch.tensor([0.0, -1.0])
    x = torch.full((1, 2, 1), 0.7)
    wanted = [0.7 + torch.sin(torch.tensor(0.7)) ** 2]
    wanted += [0.7 + torch.sin(torch.tensor(0.7) * torch.e) ** 2 * torch.e]
    torch.testing.assert_close(snake(x).flatten(), torch.stack(wanted).float())


def test_the_length_stays_and_a_constant_too():
    clean = CleanSnake(3)
    x = torch.full((2, 3, 11), 0.4)
    torch.testing.assert_close(clean(x), clean.act(x))
    for steps in (1, 2, 17):
        assert clean(torch.randn(1, 3, steps)).shape == (1, 3, steps)
