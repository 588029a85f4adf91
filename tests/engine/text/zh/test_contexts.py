"""Corrections by context must not touch the same characters elsewhere."""

import pytest

from engine.text.zh.phones import say

UNTOUCHED = """
学生还没来 医生还有事 他还上了大学 还书写整齐 他还不完善 成交还是不成交 看着火车 拿着火把
看着陆地 校长发言 局长跑了 没入场 学校对面 该校正在招生 我们关系好 关系紧张 尊重学生
注重学习 相当成功 提供给用户 其中奖金很高 其中计划 水和面粉 在和面试官谈 鸡蛋和面包
方面上涨了 撒了一个谎 湖泊岸边 回答应该简单 银行当天 经济南部 从小曾受苦 班主任老师
刘德华先生 老百姓解决问题 茂盛了 舍不得了 有难的地方 困难民众 流量一下 计划破产 堵塞了
提供词典 下降服务 无缝制作 高考中的作文 认真地干了 这时差点 步调低沉 宛转悠扬 轰炸鱼雷
暴露底线 围绕转型 看管理 看门口 我得的奖 他得力
"""


@pytest.mark.parametrize("text", UNTOUCHED.split())
def test_other_words_keep_their_reading(text):
    with_context, alone = say(text, erhua=True), say(text, erhua=True, in_context=False)
    differing = [text[place] for place in range(len(text)) if with_context[place] != alone[place]]
    assert [sign for sign in differing if sign != "地"] == []


def test_a_dictionary_s_word_is_overruled_in_few_cases_only():
    assert say("时差", erhua=True) == ["shi2", "cha1"]
    assert say("校长十米外", erhua=True)[1] == "zhang3"
