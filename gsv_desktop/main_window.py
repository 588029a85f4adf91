"""The window: a tab for each stage in the order of the work, jobs below."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QMessageBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.errors import EngineError
from engine.protocol.stages.cleaning import DENOISE
from engine.protocol.stages.dataset import SLICE
from engine.protocol.stages.training import TRAIN_GPT, TRAIN_SOVITS
from gsv_desktop.core.paths import sample_workspace
from gsv_desktop.core.project import Project, create_project
from gsv_desktop.core.sample import open_sample
from gsv_desktop.errors import show_error
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.clips.page import ClipsPage
from gsv_desktop.pages.clips.separate import SeparatePage
from gsv_desktop.pages.jobs.panel import JobPanel
from gsv_desktop.pages.label.page import LabelPage
from gsv_desktop.pages.page import Page
from gsv_desktop.pages.prepare.page import PreparePage
from gsv_desktop.pages.server.menu import ServerMenu
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.speak.page import SpeakPage
from gsv_desktop.pages.train.page import TrainPage
from gsv_desktop.pages.transcribe.page import TranscribePage
from gsv_desktop.widgets.icons import state_icon
from gsv_desktop.widgets.project_bar import ProjectBar
from gsv_desktop.widgets.state_badge import state_words

FIRST_SIZE: Final = QSize(1100, 750)
STATUS_MS: Final = 12_000
DOCK_HEIGHT: Final = 170


class MainWindow(QMainWindow):
    """Shows the pages of the open project."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.resize(FIRST_SIZE)
        self.project_bar = ProjectBar(self)
        self.project_bar.experiment_entered.connect(self._on_experiment_entered)
        self.tabs = QTabWidget(self)
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.tabBar().setUsesScrollButtons(True)
        self.tabs.tabBar().setAccessibleName(self.tr("Stages"))
        self.pages: tuple[Page, ...] = self._make_pages()
        for number, page in enumerate(self.pages, 1):
            self.tabs.addTab(page, f"{number} {page.title}")
        centre = QWidget(self)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.project_bar)
        layout.addWidget(self.tabs, 1)
        self.setCentralWidget(centre)
        self.jobs = JobPanel(services.board.queue, self)
        self._dock = self._make_dock()
        self._make_menus()
        self.statusBar().setSizeGripEnabled(False)
        self.tabs.currentChanged.connect(self._on_tab_changed)
        board = services.board
        board.stage_changed.connect(self._show_states)
        board.project_opened.connect(self._on_project_opened)
        board.experiment_renamed.connect(self._on_project_opened)
        board.save_failed.connect(self._on_save_failed)
        board.queue.job_ended.connect(self._on_job_ended)
        services.player.failed.connect(self._on_player_failed)
        services.server.page_wanted.connect(self._on_page_wanted)
        self.statusBar().addPermanentWidget(self.server_menu.badge)
        self._restore()
        self.tabs.tabBar().setFocus()
        self._on_project_opened()

    @property
    def label_page(self) -> LabelPage:
        """The page with labels that may not be saved yet."""
        return next(page for page in self.pages if isinstance(page, LabelPage))

    def show_page(self, stage: str) -> None:
        """Turns to the page of a stage; one that has none changes nothing."""
        for number, page in enumerate(self.pages):
            if page.stage == stage:
                self.tabs.setCurrentIndex(number)

    def open_project(self, project: Project) -> None:
        """Shows another project; the forms of the old one are kept."""
        self._keep_forms()
        self._services.board.open(project)

    def showEvent(self, event: QShowEvent) -> None:
        """Lets the first page look at the disk once the window is there."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._on_first_shown)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks about work that is not saved or still running, then ends every worker."""
        if not (self._labels_settled() and self._jobs_settled()):
            event.ignore()
            return
        self._keep_forms()
        self._services.player.stop()
        self._services.settings.change(
            geometry=_as_text(self.saveGeometry()), layout=_as_text(self.saveState())
        )
        self._services.server.shut_down()
        self._services.board.queue.shut_down()
        event.accept()

    def _make_pages(self) -> tuple[Page, ...]:
        services = self._services
        return (
            SeparatePage(services),
            ClipsPage(services, SLICE),
            ClipsPage(services, DENOISE),
            TranscribePage(services),
            LabelPage(services),
            PreparePage(services),
            TrainPage(services, TRAIN_SOVITS),
            TrainPage(services, TRAIN_GPT),
            SpeakPage(services),
        )

    def _make_dock(self) -> QDockWidget:
        dock = QDockWidget(self.tr("Jobs and log"), self)
        dock.setObjectName("jobs")
        dock.setWidget(self.jobs)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetClosable
        )
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
        self.resizeDocks([dock], [DOCK_HEIGHT], Qt.Orientation.Vertical)
        return dock

    def _make_menus(self) -> None:
        bar = self.menuBar()
        project = bar.addMenu(self.tr("&Project"))
        new = project.addAction(self.tr("&New or open workspace …"), self._on_open)
        new.setShortcut(QKeySequence.StandardKey.Open)
        self._recent = project.addMenu(self.tr("Open &recent"))
        self._recent.aboutToShow.connect(self._fill_recent)
        project.addAction(self.tr("Open the &sample project"), self._on_open_sample)
        project.addSeparator()
        leave = project.addAction(self.tr("&Quit"), self.close)
        leave.setShortcut(QKeySequence.StandardKey.Quit)
        view = bar.addMenu(self.tr("&View"))
        view.addAction(self._dock.toggleViewAction())
        self._add_tab_actions(view)
        self.server_menu = ServerMenu(self._services, self)
        bar.addMenu(self.server_menu)
        about = bar.addMenu(self.tr("&Help"))
        about.addAction(self.tr("&About GSV Desktop"), self._on_about)

    def _add_tab_actions(self, menu: QMenu) -> None:
        menu.addSeparator()
        for number, page in enumerate(self.pages):
            action = QAction(page.title, self)
            action.setShortcut(QKeySequence(f"Ctrl+{number + 1}"))
            action.triggered.connect(partial(self.tabs.setCurrentIndex, number))
            menu.addAction(action)

    def _restore(self) -> None:
        settings = self._services.settings.current
        if settings.geometry:
            self.restoreGeometry(_from_text(settings.geometry))
        if settings.layout:
            self.restoreState(_from_text(settings.layout))

    def _keep_forms(self) -> None:
        for page in self.pages:
            page.save_form()

    def _labels_settled(self) -> bool:
        if self.label_page.settle():
            return True
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self,
            self.tr("Labels not saved"),
            self.tr("Some corrected labels could not be saved."),
            buttons.Save | buttons.Discard | buttons.Cancel,
            buttons.Save,
        )
        if answer == buttons.Save:
            return self.label_page.save()
        return bool(answer == buttons.Discard)

    def _jobs_settled(self) -> bool:
        active = self._services.board.queue.active
        if not active:
            return True
        buttons = QMessageBox.StandardButton
        names = ", ".join(self.tr(job.spec.title) for job in active)
        answer = QMessageBox.question(
            self,
            self.tr("Jobs are running"),
            self.tr("Still at work: %s.\nThey can go on from where they are when you start them again.")
            % names,
            buttons.Close | buttons.Cancel,
            buttons.Cancel,
        )
        return bool(answer == buttons.Close)

    @Slot()
    def _on_project_opened(self) -> None:
        project = self._services.board.project
        self.project_bar.show_project(project.name, str(project.root), project.experiment)
        self.setWindowTitle(self.tr("%s – GSV Desktop") % project.name)
        self._services.settings.remember(project.root)
        self._show_states()

    @Slot()
    def _show_states(self) -> None:
        for number, page in enumerate(self.pages):
            state = page.state()
            if self.tabs.tabBar().tabData(number) != state.value:
                words = self.tr("%s: %s") % (page.title, state_words(state))
                self.tabs.setTabIcon(number, state_icon(state))
                self.tabs.setTabToolTip(number, words)
                self.tabs.tabBar().setTabData(number, state.value)

    @Slot()
    def _on_first_shown(self) -> None:
        self._on_tab_changed(self.tabs.currentIndex())

    @Slot(int)
    def _on_tab_changed(self, number: int) -> None:
        self.pages[number].shown()

    @Slot(str)
    def _on_experiment_entered(self, name: str) -> None:
        board = self._services.board
        try:
            board.rename_experiment(name)
        except EngineError as error:
            self._on_project_opened()
            show_error(self, error)

    @Slot(object)
    def _on_job_ended(self, job: Job) -> None:
        if job.outcome is not None:
            self.statusBar().showMessage(f"{self.tr(job.spec.title)}: {job.outcome.message}", STATUS_MS)

    @Slot(object)
    def _on_save_failed(self, error: EngineError) -> None:
        self.statusBar().showMessage(f"{error.message} {error.hint}")

    @Slot(str, str)
    def _on_page_wanted(self, stage: str, labels: str) -> None:
        if labels and self.label_page.settle():
            self.label_page.path.set_text(labels)
        self.show_page(stage)
        self.raise_()
        self.activateWindow()

    @Slot(str, str)
    def _on_player_failed(self, message: str, hint: str) -> None:
        self.statusBar().showMessage(f"{message} {hint}".strip(), STATUS_MS)

    @Slot()
    def _on_open(self) -> None:
        start = str(self._services.board.project.root.parent)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Choose or make a workspace folder"), start)
        if chosen:
            self._open_folder(chosen)

    @Slot()
    def _on_open_sample(self) -> None:
        if not self._labels_settled():
            return
        try:
            self.open_project(open_sample(sample_workspace()))
        except EngineError as error:
            show_error(self, error)

    def _open_folder(self, folder: str) -> None:
        if not self._labels_settled():
            return
        try:
            self.open_project(create_project(Path(folder)))
        except EngineError as error:
            show_error(self, error)

    @Slot()
    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self._services.settings.current.recent:
            action = self._recent.addAction(path, partial(self._open_folder, path))
            action.setEnabled(Path(path).is_dir())

    @Slot()
    def _on_about(self) -> None:
        QMessageBox.about(
            self,
            self.tr("About GSV Desktop"),
            self.tr(
                "<b>GSV Desktop %s</b><p>From recordings to a voice that speaks, on your own machine."
                "<p>Clone only voices of people who agreed to it.<p>MIT licence."
            )
            % QApplication.applicationVersion(),
        )


def _as_text(data: QByteArray) -> str:
    return base64.b64encode(bytes(data.data())).decode("ascii")


def _from_text(text: str) -> QByteArray:
    return QByteArray.fromBase64(text.encode("ascii"))
