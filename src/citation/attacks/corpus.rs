//! Passages of our own, true as far as this test goes, and the names in them.

/// A passage: its title, its sentences, and the names in it that a forger would exchange.
pub(super) struct Entry {
    pub(super) title: &'static str,
    pub(super) sentences: &'static [&'static str],
    pub(super) names: &'static [&'static str],
}

const fn entry(title: &'static str, sentences: &'static [&'static str], names: &'static [&'static str]) -> Entry {
    Entry { title, sentences, names }
}

pub(super) const ENGLISH: &[Entry] = &[
    entry(
        "Harrow Tower",
        &[
            "Harrow Tower is 236 metres tall and was opened to the public in 1971.",
            "The tower was designed by Mina Calder and built by the Lindqvist company.",
            "It is not open on Mondays.",
            "About 1.2 million people visited the tower in 2019.",
        ],
        &["Harrow Tower", "Mina Calder", "Lindqvist"],
    ),
    entry(
        "River Tolva",
        &[
            "The River Tolva is 312 km long and flows into Lake Ensing.",
            "Some fishermen on the river use nets, but most use lines.",
            "The Tolva is longer than the Breck, which it meets near Oldham.",
            "Water levels rose by 14 percent after the flood of 3 May 2016.",
        ],
        &["Tolva", "Ensing", "Breck", "Oldham"],
    ),
    entry(
        "Norwell Bank report",
        &[
            "Norwell Bank earned $4.5 million in 2022 and lost $1.2 million in 2023.",
            "The bank has 38 branches in Portugal and 12 branches in Spain.",
            "Its chairman, Owen Pratt, resigned in March 2023.",
            "Costs increased in every branch before the merger with Castell.",
        ],
        &["Norwell Bank", "Owen Pratt", "Castell", "Portugal", "Spain"],
    ),
    entry(
        "kvstore configuration",
        &[
            "The kvstore server listens on port 7070 and writes its log to kvstore.log.",
            "The option cache-size must not exceed 512 MB.",
            "If the disk is full, the server refuses new writes.",
            "Only administrators can delete a bucket.",
        ],
        &["kvstore", "kvstore.log", "cache-size"],
    ),
    entry(
        "Ada Renn",
        &[
            "Ada Renn was born on 14 August 1902 in Trieste.",
            "She discovered the comet Renn-Haas together with Emil Haas in 1931.",
            "Haas claimed that the comet was first seen by Lucie Brandt.",
            "Renn never received the Keller Medal.",
        ],
        &["Ada Renn", "Emil Haas", "Lucie Brandt", "Trieste"],
    ),
    entry(
        "Battle of Corwen",
        &[
            "The northern army under General Marsh defeated the southern army at Corwen.",
            "Marsh lost 900 soldiers, and his opponent Varga lost 2,300.",
            "Varga retreated to Dunmore after the battle.",
            "The peace treaty was signed in Lisbon on 2 June 1874.",
        ],
        &["Marsh", "Varga", "Corwen", "Dunmore", "Lisbon"],
    ),
    entry(
        "Solanin trial",
        &[
            "In the trial, 64 of 120 patients received Solanin for twelve weeks.",
            "Solanin reduced blood pressure more than Bexol did.",
            "No patient under 18 years was admitted.",
            "The usual dose is 20 mg per day.",
        ],
        &["Solanin", "Bexol"],
    ),
    entry(
        "Vessa Island",
        &[
            "Vessa Island has an area of 48 square kilometres and 3,100 inhabitants.",
            "The island lies north of Karsund and east of Merrow.",
            "All ferries to the island leave from Karsund.",
            "The airport, which was built in 1988, can only be used by small planes.",
        ],
        &["Vessa Island", "Karsund", "Merrow"],
    ),
];

pub(super) const KOREAN: &[Entry] = &[
    entry(
        "해람타워",
        &[
            "해람타워의 높이는 236미터이며 1971년에 문을 열었다.",
            "이 탑은 김도윤이 설계하고 한빛건설이 시공하였다.",
            "월요일에는 문을 열지 않는다.",
            "2019년에는 약 120만 명이 탑을 방문했다.",
        ],
        &["해람타워", "김도윤", "한빛건설"],
    ),
    entry(
        "솔강",
        &[
            "솔강의 길이는 312킬로미터이고 은호로 흘러든다.",
            "솔강은 버들천보다 길다.",
            "2016년 5월 3일 홍수 이후 수위가 14퍼센트 증가했다.",
            "일부 어부는 그물을 사용한다.",
        ],
        &["솔강", "은호", "버들천"],
    ),
    entry(
        "나루은행 보고서",
        &[
            "나루은행은 2022년에 45억 원의 이익을 냈다.",
            "나루은행은 서울에 38개 지점을, 부산에 12개 지점을 두고 있다.",
            "이서준 회장은 2023년 3월에 사임했다.",
            "합병 전에 모든 지점에서 비용이 증가했다.",
        ],
        &["나루은행", "이서준", "서울", "부산"],
    ),
    entry(
        "kvstore 설정",
        &[
            "kvstore 서버는 7070번 포트를 사용하고 로그를 kvstore.log에 기록한다.",
            "cache-size 옵션은 512MB를 초과할 수 없다.",
            "디스크가 가득 차면 서버는 새 쓰기를 거부한다.",
            "관리자만 버킷을 삭제할 수 있다.",
        ],
        &["kvstore", "kvstore.log", "cache-size"],
    ),
    entry(
        "박해온",
        &[
            "박해온은 1902년 8월 14일 전주에서 태어났다.",
            "그는 1931년에 최은설과 함께 혜성을 발견했다.",
            "박해온은 새벽상을 받지 못했다.",
            "최은설은 그 혜성을 정다빈이 먼저 보았다고 주장했다.",
        ],
        &["박해온", "최은설", "정다빈", "전주"],
    ),
    entry(
        "가람 전투",
        &[
            "북군은 가람에서 남군을 이겼다.",
            "북군은 병사 900명을 잃었고 남군은 2,300명을 잃었다.",
            "윤태호 장군은 전투 후에 단산으로 물러났다.",
            "평화 조약은 1874년 6월 2일 인천에서 체결되었다.",
        ],
        &["북군", "남군", "윤태호", "단산", "인천"],
    ),
];
